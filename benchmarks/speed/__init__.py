"""How fast embedding and training are, and how much memory they take."""
