/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "explain/ex_run.h"

/* Two ELF files under comparison; private to read_elf.c, elf_notes.c and elf_symbols.c. */
struct elf_section {
	struct ss_span name;
	uint32_t type;
	uint32_t link; /* of a symbol table: the section with its names */
	uint64_t align;
	uint64_t at, n;
	bool seen;
};

struct elf {
	struct ex_bytes b;
	bool wide; /* 64 bits */
	bool big;  /* the first byte of a number counts most */
	struct elf_section *v;
	size_t n;
	uint8_t *names;
};

struct elf_two {
	struct ex_run *r;
	const struct ex_pair *p;
	const struct elf *a, *b;
	size_t told;
};

#define ELF_SYMTAB 2u
#define ELF_NOTE 7u
#define ELF_DYNSYM 11u

/* A number of `n` bytes. */
static inline uint64_t elf_num(const struct elf *e, const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[e->big ? i : n - 1 - i];
	return v;
}

/*
 * Two tables of symbols, by name: which are only in one, which have another size or kind, how many
 * only moved. *ret_done = false: too large or broken; nothing was told.
 */
SS_MUST_CHECK SS_NONNULL int ex_elf_symbols(struct elf_two *t, const struct elf_section *s,
					    const struct elf_section *u, bool *ret_done,
					    struct ss_err *err);

/*
 * Two sections of notes, by owner and type: the build id, the ABI, what a packager wrote. *ret_done
 * = false: too large or broken, or no note differs; nothing was told.
 */
SS_MUST_CHECK SS_NONNULL int ex_elf_notes(struct elf_two *t, const struct elf_section *s,
					  const struct elf_section *u, bool *ret_done,
					  struct ss_err *err);
