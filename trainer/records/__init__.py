"""Read training and validation records, and facts about them."""
