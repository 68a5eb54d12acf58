"""tlbench"""
