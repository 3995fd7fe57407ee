"""The process that reports: the controller of workers, or the only process there is."""
