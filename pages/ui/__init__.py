"""What the pages share: routing, session state, components. In a sub-folder, so that it is not taken for pages."""
