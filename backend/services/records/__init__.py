"""What is done with the records of a resource."""
