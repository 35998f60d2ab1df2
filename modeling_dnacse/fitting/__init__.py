"""Models that are fitted in closed form, without gradient descent; `dnacse adapt` fits them to a library."""
