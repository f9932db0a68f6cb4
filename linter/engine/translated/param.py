# Written by scripts/translate_rules.py: change the rules instead.
"""The expressions of the rules on a param, and the conditions of those on one type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


EXPRESSIONS: dict[str, Callable[..., Any]] = {
    '100.0 * solver.base_lr * param.lr_mult * solver.weight_decay * param.decay_mult / (1.0 - solver.momentum)': lambda param, layer, net, solver, option: float((((((100.0 * solver.base_lr) * param.lr_mult) * solver.weight_decay) * param.decay_mult) / (1.0 - solver.momentum))),
    'layer.name': lambda param, layer, net, solver, option: layer.name,
    'net.trains && (param.lr_mult < 0.0 || param.decay_mult < 0.0 && param.lr_mult != 0.0)': lambda param, layer, net, solver, option: (net.trains and ((param.lr_mult < 0.0) or ((param.decay_mult < 0.0) and (param.lr_mult != 0.0)))),
    'net.trains && solver.known && solver.type in ["SGD", "Nesterov"] && net.summed_losses == 0 && param.lr_mult > 0.0 && solver.base_lr * param.lr_mult < option.least && solver.base_lr >= option.least && param.lr_mult < 1.0 && net.loss_types.all(t, t in ["SoftmaxWithLoss", "HingeLoss", "MultinomialLogisticLoss"])': lambda param, layer, net, solver, option: (net.trains and solver.known and (solver.type in ('SGD', 'Nesterov',)) and (net.summed_losses == 0) and (param.lr_mult > 0.0) and ((solver.base_lr * param.lr_mult) < option['least']) and (solver.base_lr >= option['least']) and (param.lr_mult < 1.0) and all((t in ('SoftmaxWithLoss', 'HingeLoss', 'MultinomialLogisticLoss',)) for t in net.loss_types)),
    'net.trains && solver.known && solver.type in ["SGD", "Nesterov"] && solver.clip_gradients < 0.0 && param.lr_mult > 1.0 && solver.base_lr * param.lr_mult > option.most && solver.base_lr <= option.most && net.loss_types.all(t, t in ["SoftmaxWithLoss", "HingeLoss", "MultinomialLogisticLoss", "SigmoidCrossEntropyLoss", "EuclideanLoss", "InfogainLoss"])': lambda param, layer, net, solver, option: (net.trains and solver.known and (solver.type in ('SGD', 'Nesterov',)) and (solver.clip_gradients < 0.0) and (param.lr_mult > 1.0) and ((solver.base_lr * param.lr_mult) > option['most']) and (solver.base_lr <= option['most']) and all((t in ('SoftmaxWithLoss', 'HingeLoss', 'MultinomialLogisticLoss', 'SigmoidCrossEntropyLoss', 'EuclideanLoss', 'InfogainLoss',)) for t in net.loss_types)),
    'net.trains && solver.known && solver.type in ["SGD", "Nesterov"] && solver.regularization_type == "L2" && param.role == "weight" && solver.momentum < 1.0 && solver.base_lr <= 1.0 && solver.base_lr * param.lr_mult * solver.weight_decay * param.decay_mult > option.most * (1.0 - solver.momentum)': lambda param, layer, net, solver, option: (net.trains and solver.known and (solver.type in ('SGD', 'Nesterov',)) and (solver.regularization_type == 'L2') and (param.role == 'weight') and (solver.momentum < 1.0) and (solver.base_lr <= 1.0) and ((((solver.base_lr * param.lr_mult) * solver.weight_decay) * param.decay_mult) > (option['most'] * (1.0 - solver.momentum)))),
    'param.index == 0 && param.name != "" && layer.params.all(p, p.written)': lambda param, layer, net, solver, option: ((param.index == 0) and (param.name != '') and all(p.written for p in layer.params)),
    'param.lr_mult': lambda param, layer, net, solver, option: float(param.lr_mult),
    'param.lr_mult < 0.0 ? "climbs the loss instead of going down" : "grows where decay should make it smaller"': lambda param, layer, net, solver, option: ('climbs the loss instead of going down' if (param.lr_mult < 0.0) else 'grows where decay should make it smaller'),
    'param.lr_mult < 0.0 ? "lr_mult" : "decay_mult"': lambda param, layer, net, solver, option: ('lr_mult' if (param.lr_mult < 0.0) else 'decay_mult'),
    'param.lr_mult < 0.0 ? param.lr_mult : param.decay_mult': lambda param, layer, net, solver, option: float((param.lr_mult if (param.lr_mult < 0.0) else param.decay_mult)),
    'param.role': lambda param, layer, net, solver, option: param.role,
    'param.role == "weight" && param.has_decay_mult && param.decay_mult == 0.0 && param.lr_mult > 0.0 && net.trains && (!solver.known || solver.weight_decay > 0.0) && net.weights_without_decay * 4 <= net.fillable': lambda param, layer, net, solver, option: ((param.role == 'weight') and param.has_decay_mult and (param.decay_mult == 0.0) and (param.lr_mult > 0.0) and net.trains and ((not solver.known) or (solver.weight_decay > 0.0)) and ((net.weights_without_decay * 4) <= net.fillable)),
    'solver.base_lr': lambda param, layer, net, solver, option: float(solver.base_lr),
    'solver.base_lr * param.lr_mult': lambda param, layer, net, solver, option: float((solver.base_lr * param.lr_mult)),
}

GROUPS: dict[str, tuple[tuple[str, ...], Callable[..., list[bool]]]] = {
    '': (('CL410', 'CL411', 'CL412', 'CL414'), lambda param, layer, net, solver, option: [
        (net.trains and solver.known and (solver.type in ('SGD', 'Nesterov',)) and (net.summed_losses == 0) and (param.lr_mult > 0.0) and ((solver.base_lr * param.lr_mult) < option['CL410']['least']) and (solver.base_lr >= option['CL410']['least']) and (param.lr_mult < 1.0) and all((t in ('SoftmaxWithLoss', 'HingeLoss', 'MultinomialLogisticLoss',)) for t in net.loss_types)),
        (net.trains and solver.known and (solver.type in ('SGD', 'Nesterov',)) and (solver.clip_gradients < 0.0) and (param.lr_mult > 1.0) and ((solver.base_lr * param.lr_mult) > option['CL411']['most']) and (solver.base_lr <= option['CL411']['most']) and all((t in ('SoftmaxWithLoss', 'HingeLoss', 'MultinomialLogisticLoss', 'SigmoidCrossEntropyLoss', 'EuclideanLoss', 'InfogainLoss',)) for t in net.loss_types)),
        (net.trains and solver.known and (solver.type in ('SGD', 'Nesterov',)) and (solver.regularization_type == 'L2') and (param.role == 'weight') and (solver.momentum < 1.0) and (solver.base_lr <= 1.0) and ((((solver.base_lr * param.lr_mult) * solver.weight_decay) * param.decay_mult) > (option['CL412']['most'] * (1.0 - solver.momentum)))),
        (net.trains and ((param.lr_mult < 0.0) or ((param.decay_mult < 0.0) and (param.lr_mult != 0.0)))),
    ]),
    'BatchNorm': (('CL413',), lambda param, layer, net, solver, option: [
        ((param.index == 0) and (param.name != '') and all(p.written for p in layer.params)),
    ]),
    'Convolution': (('CL405',), lambda param, layer, net, solver, option: [
        ((param.role == 'weight') and param.has_decay_mult and (param.decay_mult == 0.0) and (param.lr_mult > 0.0) and net.trains and ((not solver.known) or (solver.weight_decay > 0.0)) and ((net.weights_without_decay * 4) <= net.fillable)),
    ]),
    'Deconvolution': (('CL405',), lambda param, layer, net, solver, option: [
        ((param.role == 'weight') and param.has_decay_mult and (param.decay_mult == 0.0) and (param.lr_mult > 0.0) and net.trains and ((not solver.known) or (solver.weight_decay > 0.0)) and ((net.weights_without_decay * 4) <= net.fillable)),
    ]),
    'InnerProduct': (('CL405',), lambda param, layer, net, solver, option: [
        ((param.role == 'weight') and param.has_decay_mult and (param.decay_mult == 0.0) and (param.lr_mult > 0.0) and net.trains and ((not solver.known) or (solver.weight_decay > 0.0)) and ((net.weights_without_decay * 4) <= net.fillable)),
    ]),
}
