"""4. Render, register and send documents: the last room of the flow before settlement."""
