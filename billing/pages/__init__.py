"""Server-rendered pages: the driver's receipt and the operator's desk. No script, nothing from elsewhere."""
