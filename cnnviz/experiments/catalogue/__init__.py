'''One file for each experiment. A new file is a new experiment: it is found by itself.

For example ``batch_size.py`` (docs/adding.md tells it step by step, and a test adds it)::

    """Do small batches learn more from the same images?"""

    from cnnviz.experiments import Experiment, Outcomes, Panel, Variant, Verdict
    from cnnviz.language import Message


    def _judge(outcomes: Outcomes) -> Verdict:
        small, large = outcomes["batch-16"].accuracy, outcomes["batch-256"].accuracy
        return Verdict(
            holds=small > large,
            seen=(
                Message("In batches of 16 images the network reaches {accuracy:.1%}.", accuracy=small),
                Message("In batches of 256 images it reaches {accuracy:.1%}.", accuracy=large),
            ),
        )


    EXPERIMENT = Experiment(
        key="batch-size",
        title=Message("Small batches"),
        claim=Message("From the same images, seen as often, small batches learn more than large ones."),
        variants=tuple(
            Variant(f"batch-{size}", Message("batches of {size}", size=size), {"batch_size": size})
            for size in (16, 64, 256)
        ),
        panels=(
            Panel(
                "sweep",
                Message("Test accuracy by batch size"),
                Message("The line falls to the right: large batches are few steps."),
                x="batch_size",
                log_x=True,
            ),
            Panel("curves", Message("Training loss"), Message("The lowest curve learns fastest."), y=("loss",)),
        ),
        judge=_judge,
        base={"architecture": "basic-cnn"},
        quick={"dataset": "mnist-sample", "epochs": 2},
        full={"dataset": "mnist", "epochs": 1},
    )
'''
