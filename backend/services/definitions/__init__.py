"""What a resource is, who may do what with its records, and how a definition changes."""
