"""What a result is held against: budgets, earlier runs, and the verdict on it. Calls nobody."""
