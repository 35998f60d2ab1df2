"""What the product does with damaged inputs and artefacts, and after it was killed; the scripts count."""
