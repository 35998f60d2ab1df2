"""What several tests share: made sequences, stand-ins and ways to run the product."""
