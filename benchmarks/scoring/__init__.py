"""What several tasks share: questions, alterations, metrics and their intervals."""
