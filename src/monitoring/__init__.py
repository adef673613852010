"""What is seen of a running training: TensorBoard, wandb, a bar.

Outside every stage of DVC: what is changed here retrains nothing.
"""
