"""The pictures and the page of a report; loaded only when one is asked for, because they need matplotlib."""
