/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eif/measure.h"

/*
 * Reads an EIF from a regular file of any size in constant memory.
 *
 * eif_file_open() takes the section table and the section headers, and refuses a file in which
 * they disagree, that has a gap, an overlap or bytes after the last section, or that breaks a rule
 * of eif_rules_*(): other readers follow one or the other, so a file that both do not read alike
 * has no one meaning. Contents are looked at only by the functions that say so. Errors name the
 * file, the section and the byte.
 */
struct eif_file {
	int fd;
	char *path; /* for messages */
	uint64_t size;
	struct eif_header header;
	struct eif_section
		sections[EIF_MAX_SECTIONS]; /* header.n_sections of them, in file order */
};

#define EIF_FILE_NONE                                                                              \
	{                                                                                          \
		.fd = -1                                                                           \
	}

SS_MUST_CHECK SS_NONNULL int eif_file_open(const char *path, struct eif_file *ret,
					   struct ss_err *err);
/* The same on a descriptor, which *ret then owns; `name` appears in messages. */
SS_MUST_CHECK SS_NONNULL int eif_file_adopt(int fd, uint64_t size, const char *name,
					    struct eif_file *ret, struct ss_err *err);
void eif_file_done(struct eif_file *f); /* accepts EIF_FILE_NONE and a closed one */
#define AUTO_EIF_FILE SS_CLEANUP(eif_file_done)

/* The nth section of a type, from 0, or NULL. */
SS_NONNULL const struct eif_section *eif_file_find(const struct eif_file *f,
						   enum eif_section_type type, size_t nth);
static inline uint64_t eif_section_data(const struct eif_section *s)
{
	return s->offset + EIF_SECTION_HEADER_SIZE;
}

/* The data of a section into an empty buffer; the rules bound cmdline, signature, metadata. */
SS_MUST_CHECK SS_NONNULL int eif_file_load(const struct eif_file *f, const struct eif_section *s,
					   struct ss_buf *ret, struct ss_err *err);
/* `n` bytes from byte `at` of the file, which has them. */
SS_MUST_CHECK SS_NONNULL int eif_file_read(const struct eif_file *f, uint64_t at, uint8_t *p,
					   size_t n, struct ss_err *err);
/* Reads every byte of the data of a section, in order, in blocks. */
SS_MUST_CHECK SS_NONNULL int eif_file_each(const struct eif_file *f, const struct eif_section *s,
					   int (*put)(void *ctx, struct ss_span s,
						      struct ss_err *err),
					   void *ctx, struct ss_err *err);

/*
 * One pass over the whole file: the registers, the parts and the CRC, which must be the header's;
 * the SHA-256 of the file if asked for. PCR8 is eif_signature_*()'s.
 */
SS_MUST_CHECK SS_NONNULL int eif_file_measure(const struct eif_file *f, bool want_sha256,
					      struct eif_measurements *ret, struct ss_err *err);
/*
 * The same, while somebody else looks at the data of one section: `put`, on a thread of its own,
 * with all of it in order. A failure of `put` is one of the whole.
 */
struct eif_tap {
	const struct eif_section *section; /* NULL = nothing to look at */
	int (*put)(void *ctx, struct ss_span s, struct ss_err *err);
	void *ctx;
};
SS_MUST_CHECK SS_NONNULL int eif_file_measure_tapped(const struct eif_file *f, bool want_sha256,
						     const struct eif_tap *tap,
						     struct eif_measurements *ret,
						     struct ss_err *err);
/* Only the CRC of the whole file. */
SS_MUST_CHECK SS_NONNULL int eif_file_check(const struct eif_file *f, struct ss_err *err);
/* Compares the header's CRC, given the CRC of all that follows the header. */
SS_MUST_CHECK SS_NONNULL int eif_file_check_crc(const struct eif_file *f, uint32_t rest,
						struct ss_err *err);
