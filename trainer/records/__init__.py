"""Where training and validation records come from, and what is known of each."""
