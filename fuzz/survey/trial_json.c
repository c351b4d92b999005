// SPDX-License-Identifier: GPL-2.0-or-later
#include "fuzz/survey/trial_json.h"

#include "fuzz/oracle/choices.h"

json_t *choices_json(const struct rdpmc_choices *choices)
{
	struct rdpmc_choices made = *choices;
	json_t *array = json_array();

	for (unsigned int i = 0; i < NR_CHOICES; i++)
		if (*choice_of(&made, i))
			json_array_append_new(array, json_string(choice_name(i)));
	return array;
}

json_t *verdicts_json(uint64_t asked, const uint64_t verdicts[NR_VERDICTS])
{
	json_t *object = json_pack("{s:I}", "asked", (json_int_t)asked);

	for (unsigned int kind = 0; kind < NR_VERDICTS; kind++)
		json_object_set_new(object, verdict_name(kind),
				    json_integer((json_int_t)verdicts[kind]));
	return object;
}
