"""Four sample databases, and questions that a client can ask about them."""
