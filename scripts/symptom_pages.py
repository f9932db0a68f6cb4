"""The pages that lead from what a user sees to rules: symptoms in English and in Chinese, and the
messages that Caffe prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from caffelint.engine.rule import Rule
from caffelint.engine.symptom import Language, Symptom, Symptoms, printed
from rule_pages import cell, link, prose


def symptoms_page(rules: Sequence[Rule], symptoms: Symptoms, language: Language) -> str:
    """Every symptom with its rules."""
    parts = [symptoms.pages[language].introduction.strip()]
    for group in symptoms.groups:
        parts.append(f"## {group.en if language == 'en' else group.zh}")
        for one in symptoms.symptoms:
            if one.group == group.id:
                parts += _section(one, rules, symptoms, language)
    return "\n\n".join(parts) + "\n"


def _section(
    symptom: Symptom, rules: Sequence[Rule], symptoms: Symptoms, language: Language
) -> Iterator[str]:
    words, page = symptom.words(language), symptoms.pages[language]
    yield f'<a id="{symptom.id}"></a>'
    yield f"### {words.title}"
    yield prose(words.about) if language == "en" else words.about.replace("\n", "").strip()
    causes = symptom.rules(rules)

    def listed(chosen: list[Rule], mark: str) -> str:
        return "\n".join(
            f"{mark} {link(rule)}: {_summary(rule, symptoms, language)}" for rule in chosen
        )

    of_log = [rule for rule in causes if rule.on == "run"]
    of_files = [rule for rule in causes if rule not in of_log]
    likely = [rule for rule in of_files if rule.name in symptom.likely]
    yield listed(likely, "1.")
    if others := of_files[len(likely) :]:
        yield page.less_often
        yield listed(others, "-")
    if of_log:
        yield page.in_logs
        yield listed(of_log, "-")


def _summary(rule: Rule, symptoms: Symptoms, language: Language) -> str:
    """What the rule finds; in English where there is no translation."""
    chinese = symptoms.chinese.get(rule.name, "") if language == "zh" else ""
    return chinese or prose(rule.summary)


def messages_page(rules: Sequence[Rule], symptoms: Symptoms) -> str:
    """What Caffe prints, in order of the alphabet, with the rules that quote it."""
    quoted: dict[str, list[Rule]] = {}
    for rule in rules:
        for message in printed(rule):
            quoted.setdefault(message, []).append(rule)
    lines = ["# What Caffe prints", ""]
    lines += [page.messages for page in symptoms.pages.values()]
    lines += ["| Caffe prints | rule |", "| --- | --- |"]
    for message in sorted(quoted, key=str.casefold):
        found = "<br>".join(f"{link(rule)}: {cell(rule.summary)}" for rule in quoted[message])
        shown = message.replace("|", "\\|")
        lines.append(f"| `{shown}` | {found} |")
    return "\n".join(lines) + "\n"
