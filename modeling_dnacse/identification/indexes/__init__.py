"""An index of a labelled library: its folder, how it is read and checked, and how references are added."""
