"""Containers, as processes: started on demand, kept and stopped as the autoscaler says."""
