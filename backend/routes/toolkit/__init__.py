"""What views are written with: the blueprint, the envelope, arguments, lists, the OpenAPI document."""
