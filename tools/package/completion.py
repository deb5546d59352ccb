"""Writes the completions of bash, zsh and fish from what the programs say of themselves under --help."""
MADE = "# Made from `{0} --help`; a change here is lost."


def options_at(command, root):
    """The command's own options, and those of the program that every command takes."""
    own = {name for option in command.options for name in option.names}
    return command.options + [option for option in root.options if option.names[-1] not in own]


def tables(root, keys=()):
    """By command path: the words that may stand there; by path and option: what may follow it (none: a file)."""
    words, values = {}, {}
    for command in root.all():
        at, options = " ".join(command.path), options_at(command, root)
        words[at] = [c.path[-1] for c in command.commands] + [name for o in options for name in o.names]
        for each in options:
            if each.value:
                values.update({(at, name): each.choices for name in each.names})
    if keys:
        values[("", "--set")] = [key.name + "=" for key in keys]
    return words, values


def steps(root):
    """Each command path that a word leads to, as (before, word, after)."""
    return [(" ".join(c.path[:-1]), c.path[-1], " ".join(c.path)) for c in root.all() if c.path]


def shell_cases(root, keys, offer):
    """The tables as branches of `case`, for bash and zsh alike; `offer` is the variable that takes the words."""
    words, values = tables(root, keys)
    walk = [f'    "{before} {word}") at="{to}" ;;' for before, word, to in steps(root)]
    after = [f'  "{at} {name}") taken=1 {offer}="{" ".join(each)}" ;;' for (at, name), each in values.items()]
    here = [f'  "{at}") {offer}="{" ".join(each)}" ;;' for at, each in words.items()]
    return walk, after, here


def bash(program, root, keys=()):
    walk, after, here = shell_cases(root, keys, "words")
    function = "_" + program.replace("-", "_")
    return "\n".join([
        MADE.format(program), f"{function}() {{", '  local at="" words="" taken="" word', "  local -a before",
        '  before=("${COMP_WORDS[@]:1:COMP_CWORD-1}")',
        '  for word in "${before[@]}"; do', '    case "$at $word" in', *walk, "    esac", "  done",
        '  case "$at ${COMP_WORDS[COMP_CWORD-1]}" in', *after, "  esac",
        '  [ -n "$taken" ] || case "$at" in', *here, "  esac",
        "  # With nothing to offer bash completes a file's name.",
        '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}")',
        '  case "${COMPREPLY[0]-}" in *=) compopt -o nospace 2>/dev/null ;; esac',
        "}", f"complete -o default -F {function} {program}", ""])


def zsh(program, root, keys=()):
    walk, after, here = shell_cases(root, keys, "offer")
    return "\n".join([
        f"#compdef {program}", MADE.format(program), 'local at="" offer="" taken="" word',
        'for word in "${(@)words[2,CURRENT-1]}"; do', '    case "$at $word" in', *walk, "    esac", "done",
        'case "$at ${words[CURRENT-1]}" in', *after, "esac", '[[ -n $taken ]] || case "$at" in', *here, "esac",
        "[[ -n $offer && ( -n $taken || $PREFIX == -* ) ]] || _files",
        "if [[ $offer == *= ]]; then compadd -S '' -- ${=offer}; else compadd -- ${=offer}; fi", ""])


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish_walk(name, root):
    """A function that says whether the words so far lead to a command path."""
    lines = [f"function {name}", "  set -l at", "  set -l tokens (commandline -opc)", "  for word in $tokens[2..-1]",
             '    switch "$at $word"']
    for before, word, to in steps(root):
        lines += [f"      case {quoted(f'{before} {word}')}", f"        set at {quoted(to)}"]
    return [*lines, "    end", "  end", '  test "$at" = "$argv[1]"', "end"]


def fish_option(option, keys):
    text = "".join(f" -l {n[2:]}" if n.startswith("--") else f" -s {n[1:]}" for n in option.names)
    choices = [key.name + "=" for key in keys] if option.names == ["--set"] else option.choices
    if choices:
        text += f" -x -a {quoted(' '.join(choices))}"
    elif option.value:
        text += " -r -F"
    return f"{text} -d {quoted(option.text)}"


def fish(program, root, keys=()):
    name = "__" + program.replace("-", "_") + "_at"
    lines = [MADE.format(program), *(fish_walk(name, root) if steps(root) else [])]
    for command in root.all():
        condition = quoted(f'{name} "{" ".join(command.path)}"')
        where = f"complete -c {program}" + (f" -n {condition}" if steps(root) else "")
        lines += [f"{where} -f -a {c.path[-1]} -d {quoted(c.text)}" for c in command.commands]
        lines += [where + fish_option(each, keys) for each in options_at(command, root)]
    return "\n".join(lines) + "\n"
