"""Rule documents → compiled index → decision with its trace (docs/rules.md). Pure: no clock, no disk, no network.

`document.load` decodes and checks, `index.compile` makes an `engine.RuleSet`, its `decide` answers a
`question.Question`; `evaluate.evaluate` does all that for files, `explain.explain` says it in words.
"""
