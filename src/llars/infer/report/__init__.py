"""Visual results: pictures before and after, and the report page of one restoration."""
