"""Evidence in files: written by --save, read by --replay."""
