/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/registers.h"

#include "base/hex.h"
#include "base/show.h"

#include <stdio.h>
#include <string.h>

static const char *hex(const uint8_t *p, char ret[2 * CRYPTO_SHA384_SIZE + 1])
{
	ss_hex((struct ss_span){ p, CRYPTO_SHA384_SIZE }, ret);
	return ret;
}

void cli_print_registers(const struct eif_measurements *m, const char *indent)
{
	char text[2 * CRYPTO_SHA384_SIZE + 1];

	(void)printf("%sPCR0  %s\n", indent,
		     m->pcr0_unknown ? "not computable: the file has PCIe flags"
				     : hex(m->pcr0, text));
	(void)printf("%sPCR1  %s\n", indent, hex(m->pcr1, text));
	(void)printf("%sPCR2  %s\n", indent, hex(m->pcr2, text));
	if (m->has_pcr8)
		(void)printf("%sPCR8  %s\n", indent, hex(m->pcr8, text));
}

json_t *cli_registers_json(const struct eif_measurements *m)
{
	json_t *o = json_object();
	char text[2 * CRYPTO_SHA384_SIZE + 1];

	cli_json_set(o, "HashAlgorithm", json_string("Sha384 { ... }"));
	cli_json_set(o, "PCR0", m->pcr0_unknown ? json_null() : json_string(hex(m->pcr0, text)));
	cli_json_set(o, "PCR1", json_string(hex(m->pcr1, text)));
	cli_json_set(o, "PCR2", json_string(hex(m->pcr2, text)));
	if (m->has_pcr8)
		cli_json_set(o, "PCR8", json_string(hex(m->pcr8, text)));
	return o;
}

void cli_part_name(const struct eif_measurements *m, size_t i, char ret[CLI_PART_SIZE])
{
	size_t ramdisk = 0;

	for (size_t k = 0; k < i; k++)
		ramdisk += m->parts[k].type == EIF_RAMDISK;
	if (m->parts[i].type == EIF_RAMDISK)
		(void)snprintf(ret, CLI_PART_SIZE, "ramdisk%zu", ramdisk);
	else
		(void)snprintf(ret, CLI_PART_SIZE, "%s", eif_section_name(m->parts[i].type));
}

int cli_part_find(const struct eif_measurements *m, const char *name, size_t *ret,
		  struct ss_err *err)
{
	char last[CLI_PART_SIZE] = "ramdisk0";
	size_t ramdisks = 0;

	for (size_t i = 0; i < m->n_parts; i++) {
		char part[CLI_PART_SIZE];

		cli_part_name(m, i, part);
		if (strcmp(part, name) == 0) {
			*ret = i;
			return 0;
		}
		if (m->parts[i].type == EIF_RAMDISK) {
			ramdisks++;
			memcpy(last, part, sizeof(last));
		}
	}
	return ss_fail(err, SS_EUSAGE,
		       "there is no part '%s'; the parts are kernel, cmdline, ramdisk0%s%s",
		       SS_SHOW(((struct ss_span){ (const uint8_t *)name, strlen(name) })),
		       ramdisks > 2 ? " … " : (ramdisks == 2 ? ", " : ""),
		       ramdisks > 1 ? last : "");
}

json_t *cli_part_json(const struct eif_part *p)
{
	json_t *o = json_object();
	char text[2 * CRYPTO_SHA384_SIZE + 1];

	cli_json_set(o, "type", json_string(eif_section_name(p->type)));
	cli_json_set(o, "size", json_integer((json_int_t)p->size));
	cli_json_set(o, "sha384", json_string(hex(p->sha384, text)));
	return o;
}
