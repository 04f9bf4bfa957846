"""What explorers show, worked out: worlds, trained models and their exact numbers, as arrays and
text. Nothing here moves, and nothing is drawn but the parts named last; that is for plots,
and for the explorers.

prior_draws: a digit and what prior draws make of it (chapter 1). small_worlds: one latent, three
shapes of posterior (2 and 3). beta_sweep: models at many weights β (5). encoded_digits: images,
their codes and what they decode to; own_paths: a q of its own for some of them (7).
gradient_targets: functions, and the exact gradients of their means (8). digit_bounds: a hundred
ELBOs, and batches of them (9). chain_families: draws that share a latent (10). The rest is for a
latent plane (5, 7), and parts of pictures: framed_digit (1), the panels and the trail (2, 3),
image_pair (7).
"""
