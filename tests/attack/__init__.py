"""What the product does with damaged inputs and artefacts, and after it was killed: `faults.py` and others try and count."""
