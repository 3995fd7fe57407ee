"""Files of earlier runs -> what the gate, a comparison and a trend need of them."""
