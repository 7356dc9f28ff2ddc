/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "config/policy.h"

#include <string.h>

int cfg_release_of(const struct eif_measurements *m, struct att_part *parts,
		   struct att_release *ret, struct ss_err *err)
{
	struct att_release r = { .has_pcr8 = m->has_pcr8, .parts = parts, .n_parts = m->n_parts };
	size_t ramdisk = 0;

	if (m->pcr0_unknown)
		return ss_fail(err, SS_EINPUT, "PCR0 of a file with PCIe flags cannot be computed");
	memcpy(r.pcr[0], m->pcr0, sizeof(m->pcr0));
	memcpy(r.pcr[1], m->pcr1, sizeof(m->pcr1));
	memcpy(r.pcr[2], m->pcr2, sizeof(m->pcr2));
	memcpy(r.pcr8, m->pcr8, sizeof(m->pcr8));
	for (size_t i = 0; i < m->n_parts; i++) {
		const struct eif_part *p = &m->parts[i];

		parts[i] = (struct att_part){ .size = p->size };
		memcpy(parts[i].sha384, p->sha384, sizeof(p->sha384));
		if (p->type == EIF_RAMDISK)
			(void)snprintf(parts[i].name, sizeof(parts[i].name), "ramdisk%zu",
				       ramdisk++);
		else
			(void)snprintf(parts[i].name, sizeof(parts[i].name), "%s",
				       eif_section_name(p->type));
	}
	*ret = r;
	return 0;
}

static void put_hex(struct toml_node *t, const char *key, const uint8_t p[ATT_PCR_SIZE])
{
	char hex[2 * ATT_PCR_SIZE + 1];

	ss_hex((struct ss_span){ p, ATT_PCR_SIZE }, hex);
	toml_put_text(t, key, hex);
}

static void put_optional(struct toml_node *t, const char *key, const char *text)
{
	if (text != NULL)
		toml_put_text(t, key, text);
}

static struct toml_node *part_node(const struct att_part *p)
{
	struct toml_node *t = toml_new(TOML_TABLE, 0);

	toml_put_text(t, "type", p->name);
	toml_put_int(t, "size", (int64_t)p->size);
	put_hex(t, "sha384", p->sha384);
	return t;
}

void cfg_policy_put(const struct att_entry *e, struct ss_buf *b)
{
	AUTO_TOML struct toml_node *root = toml_new(TOML_TABLE, 0);
	struct toml_node *list = toml_new(TOML_ARRAY, 0);
	struct toml_node *t = toml_new(TOML_TABLE, 0);
	struct toml_node *parts = toml_new(TOML_ARRAY, 0);

	toml_put_text(t, "version", e->name);
	put_optional(t, "note", e->note);
	put_optional(t, "not_before", e->not_before);
	put_optional(t, "not_after", e->not_after);
	put_hex(t, "pcr0", e->r->pcr[0]);
	put_hex(t, "pcr1", e->r->pcr[1]);
	put_hex(t, "pcr2", e->r->pcr[2]);
	if (e->r->has_pcr8)
		put_hex(t, "pcr8", e->r->pcr8);
	for (size_t i = 0; i < e->r->n_parts; i++)
		toml_push(parts, part_node(&e->r->parts[i]));
	toml_put(t, "part", parts);
	toml_push(list, t);
	toml_put(root, "release", list);
	toml_write(root, b);
}
