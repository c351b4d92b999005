# SPDX-License-Identifier: GPL-2.0-or-later
# Bash completion of the installed programs. Commands, options and what an option takes are read from the program's own
# --help each time, so that there is no second list of them.
# shellcheck shell=bash

# Of a --help's options: "--json=FILE" or "--json FILE" as "--json=FILE", without an argument as "--json".
_rdpmc_options()
{
	sed -nE -e 's/^ {2,6}(-[^ ,]( [A-Z]+)?, )?(--[a-z-]+)([ =]([^ ]+))?( .*|$)/\3=\5/' -e T -e 's/=$//p' -e t -e p <<<"$1"
}

# Does it take anything but options?
_rdpmc_takes_files()
{
	local usage
	usage=$(sed -nE -e '1p' -e '2,$ { /^ /!q; p }' <<<"$1" | tr -s '\n ' ' ')
	usage=$(sed -E -e 's/\[(OPTION|option|-)[^]]*\]//g' -e 's/--[a-z]+ [A-Z]+//g' -e "s/^[^:]*: [^ ]+( $2)?//" <<<"$usage")
	[[ $usage == *[a-zA-Z]* ]]
}

_rdpmc()
{
	local program=$1 at=$COMP_CWORD word command='' help option takes

	# "=" is a word of its own here.
	word=${COMP_WORDS[at]} option=${COMP_WORDS[at - 1]}
	if [[ $word == "=" ]]; then
		word=''
	elif [[ $option == "=" ]]; then
		option=${COMP_WORDS[at - 2]}
	fi
	COMPREPLY=()

	help=$("$program" --help 2>/dev/null) || return
	local commands
	commands=$(sed -nE 's/^ {2,4}([a-z]+)(  .*)?$/\1/p' <<<"$help")
	if [[ -n $commands ]]; then
		if ((at == 1)); then
			mapfile -t COMPREPLY < <(compgen -W "$commands $(grep -oE -- '--(help|version)\>' <<<"$help")" -- "$word")
			return
		fi
		command=${COMP_WORDS[1]}
		help=$("$program" "$command" --help 2>/dev/null) || return
	fi
	local options
	options=$(_rdpmc_options "$help")

	# What the option before takes.
	takes=
	[[ $option == -* ]] && takes=$(sed -n "s/^$option=//p" <<<"$options")
	case $takes in
	'')	;;
	*FILE* | *DIR* | *PATH* | *PROGRAM*)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return ;;
	\{*\})	takes=${takes//[\{\},]/ }
		mapfile -t COMPREPLY < <(compgen -W "$takes" -- "$word")
		return ;;
	[a-z]*)	mapfile -t COMPREPLY < <(compgen -W "$takes" -- "$word")
		return ;;
	*)	return ;;
	esac

	if [[ $word == -* ]]; then
		# With an argument: "--json=", and no blank behind it.
		mapfile -t COMPREPLY < <(compgen -W "$(grep -oE -- '^--[a-z-]+=?' <<<"$options")" -- "$word")
		[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
	elif _rdpmc_takes_files "$help" "$command"; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}
complete -F _rdpmc rdpmc-bench rdpmc-diff rdpmc-results fuzz-rdpmc-replay
