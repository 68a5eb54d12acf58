"""The datasets: each file is one."""
