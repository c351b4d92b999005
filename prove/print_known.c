// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * prove-known ENGINE DIRECTORY TREE: the known differences of *.json that are about this engine, of TREE, as C for
 * a proof: read by the one who reads them for everybody else, printed as the conditions and assignments
 * that they are.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/oracle/known/known.h"

static void print_operand(const struct known_operand *operand, const char *world)
{
	if (operand->field)
		printf("(uint64_t)%s%s", world, operand->field->name);
	else
		printf("%#" PRIx64 "ULL", operand->number);
}

static void print_expression(const struct known_expression *expression, const char *world)
{
	const char *between = expression->operator== KNOWN_AND ? " & " : ", ";

	printf(expression->operator== KNOWN_MIN ? "least(" : "(");
	print_operand(&expression->a, world);
	if (expression->operator!= KNOWN_NOTHING) {
		printf("%s", between);
		print_operand(&expression->b, world);
	}
	printf(")");
}

static void print_conditions(const struct known_entry *entry)
{
	static const char *const relations[] = { "==", "!=", "<", ">=" };

	for (unsigned int i = 0; i < entry->n_conditions; i++) {
		printf("%s", i ? " && " : "");
		print_expression(&entry->conditions[i].left, "before.");
		printf(" %s ", relations[entry->conditions[i].relation]);
		print_expression(&entry->conditions[i].right, "before.");
	}
	printf("%s", entry->n_conditions ? "" : "true");
}

static void print_entry(const struct known_entry *entry, unsigned int number)
{
	printf("\n\t/* %s */\n\tif (", entry->difference.name);
	print_conditions(entry);
	printf(") {\n\t\tconst struct known_world was = *world;\n\n\t\tknown_core(world);\n");
	for (unsigned int i = 0; i < entry->n_assignments; i++) {
		const struct known_assignment *assignment = &entry->assignments[i];

		printf("\t\tworld->%s = least(", assignment->field->name);
		print_expression(&assignment->expression, "world->");
		printf(", %#" PRIx64 "ULL);\n", known_field_max(assignment->field));
	}
	for (unsigned int i = 0; i < entry->n_assignments; i++) {
		const char *name = entry->assignments[i].field->name;

		printf("\t\twhich |= (uint64_t)(world->%s != was.%s) << %u;\n", name, name, number);
	}
	if (!entry->n_assignments)
		printf("\t\t%s |= 1ULL << %u;\n", entry->trouble ? "may_complain" : "may_be_any",
		       number);
	printf("\t}\n");
}

/* As a C string. */
static void print_string(const char *text, size_t length)
{
	putchar('"');
	for (size_t i = 0; i < length; i++)
		printf("\\%03o", (unsigned char)text[i]);
	putchar('"');
}

/* @name begins with @text, without a loop. */
static void print_begins(const char *name, size_t at, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		printf("%s[%zu] == %d && ", name, at + i, (unsigned char)text[i]);
}

/*
 * A report is "FILE:LINE: WHAT", FILE as of @tree. Each place where the kernel may complain asks this, and there are hundreds:
 * what can be decided without a loop is, and first.
 */
static void print_allows(const struct known *known, const char *tree)
{
	const size_t length = strlen(tree);

	printf("uint64_t prove_known_allows(const char *what, const char *file)\n{\n\tuint64_t "
	       "which = 0;\n\n"
	       "\t(void)what;\n\t(void)file;\n");
	for (unsigned int i = 0; i < known->count; i++) {
		const char *trouble = known->entries[i].trouble, *what;
		size_t plain;

		/* What UBSan finds is a check of CBMC's own in a proof. */
		if (!trouble || strstr(trouble, "UBSan: "))
			continue;
		what = strstr(trouble, ": ");
		printf("\twhich |= (uint64_t)(");
		if (what) {
			printf("file && ");
			print_begins("file", 0, tree, length);
			print_begins("file", length, "/", 1);
			plain = strcspn(trouble, "*:");
			print_begins("file", length + 1, trouble, plain);
			printf("known_allows(");
			print_string(trouble + plain, (size_t)(what - trouble) - plain);
			printf(", file + %zu) && ", length + 1 + plain);
			what += 2;
			plain = strcspn(what, "*");
			print_begins("what", 0, what, plain);
			printf("known_allows(");
			print_string(what + plain, strlen(what + plain));
			printf(", what + %zu)", plain);
		} else {
			printf("known_allows(");
			print_string(trouble, strlen(trouble));
			printf(", what)");
		}
		printf(") << %u;\n", i);
	}
	printf("\treturn which;\n}\n\n");
}

int main(int argc, char **argv)
{
	const struct engine *engine;
	struct known *known;
	char why[1000];
	const char *reason;

	if (argc != 4) {
		fputs("usage: prove-known ENGINE DIRECTORY TREE\n", stderr);
		return 2;
	}
	engine = engine_find(argv[1], &reason);
	if (!engine) {
		fprintf(stderr, "prove-known: %s: %s\n", argv[1], reason);
		return 2;
	}
	known = known_read(argv[2], engine, why, sizeof(why));
	if (!known) {
		fprintf(stderr, "prove-known: %s\n", why);
		return 2;
	}
	printf("/* Known differences of %s. */\n#include \"prove/known.h\"\n\n", engine->name);
	printf("static uint64_t least(uint64_t a, uint64_t b)\n{\n\treturn a < b ? a : b;\n}\n\n");
	printf("struct prove_known prove_known(struct known_world *world)\n{\n"
	       "\tconst struct known_world before = *world;\n"
	       "\tuint64_t which = 0, may_complain = 0, may_be_any = 0;\n");
	for (unsigned int i = 0; i < known->count; i++)
		print_entry(&known->entries[i], i);
	printf("\treturn (struct prove_known){ which, may_complain, may_be_any };\n}\n\n");
	print_allows(known, argv[3]);
	printf("void prove_known_witnesses(uint64_t met)\n{\n");
	for (unsigned int i = 0; i < known->count; i++)
		printf("\t__CPROVER_assert(!(met >> %u & 1), \"witness: known %s\");\n", i,
		       known->entries[i].difference.name);
	printf("}\n");
	known_free(known);
	return fflush(stdout) ? 2 : 0;
}
