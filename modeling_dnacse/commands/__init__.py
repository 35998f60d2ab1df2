"""The commands of `dnacse`, one file each, with their tables and pictures."""
