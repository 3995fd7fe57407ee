"""What people are shown of an answer: small pictures, how loud a sound is, the beginning of a text."""
