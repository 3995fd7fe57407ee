"""What an answer's bytes really are: identified, decoded whole in a process apart, held against the catalogue."""
