"""What a running training shows: TensorBoard, wandb, a progress bar.

Outside every stage of DVC: a change here retrains nothing.
"""
