"""What a program needs of the machine that it runs on: files that appear whole, cores, processes, provenance."""
