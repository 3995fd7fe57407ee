"""Many runs -> text: what each endpoint's figures were over the runs whose reports a folder holds."""
