/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/store.h"

#include "base/mem.h"
#include "base/show.h"
#include "io/entropy.h"

#include <assert.h>
#include <string.h>

#define MIN_SLOTS 1024u

_Static_assert(sizeof(struct tree_name) == 24, "the budget of a name");
_Static_assert(sizeof(struct tree_node) == 32, "the budget of an inode");
_Static_assert(TREE_MAX_SOURCES - 1 == NODE_SOURCE, "a source fits its bits");

/* --- text ---------------------------------------------------------------------------------- */

/* Room for `n` bytes that lie in one block; the limit has been checked. */
static uint32_t text_room(struct tree *t, size_t n)
{
	const uint32_t left = STORE_TEXT_BLOCK - t->text_n % STORE_TEXT_BLOCK;
	uint32_t at;

	if (n > left)
		t->text_n += left;
	at = t->text_n;
	if (t->text[at / STORE_TEXT_BLOCK] == NULL)
		t->text[at / STORE_TEXT_BLOCK] = ss_calloc(STORE_TEXT_BLOCK, 1);
	t->text_n += (uint32_t)n;
	return at;
}

static uint32_t text_put(struct tree *t, struct ss_span s)
{
	const uint32_t at = text_room(t, s.n);

	if (s.n > 0)
		memcpy(t->text[at / STORE_TEXT_BLOCK] + at % STORE_TEXT_BLOCK, s.p, s.n);
	return at;
}

static int check_text(const struct tree *t, size_t n, struct ss_err *err)
{
	if (n + STORE_TEXT_BLOCK > TREE_MAX_TEXT - t->text_n)
		return ss_fail(err, SS_ELIMIT, "names and link targets take more than %u MiB",
			       TREE_MAX_TEXT >> 20);
	return 0;
}

static void move_texts(struct tree *t, uint8_t *const *old)
{
	for (tree_id id = 1; id < t->n_names; id++) {
		struct tree_name *n = store_name(t, id);

		if (n->parent != TREE_NONE)
			n->text = text_put(t, (struct ss_span){ old[n->text / STORE_TEXT_BLOCK] +
									n->text % STORE_TEXT_BLOCK,
								n->len });
	}
	for (uint32_t no = 0; no < t->n_nodes; no++) {
		struct tree_node *n = store_node(t, no);

		if (n->nlink > 0 && store_type(n) == TREE_LNK)
			n->at = text_put(t, (struct ss_span){ old[n->at / STORE_TEXT_BLOCK] +
								      n->at % STORE_TEXT_BLOCK,
							      n->size });
	}
}

void tree_text_squeeze(struct tree *t)
{
	AUTO_FREE uint8_t **old = NULL;

	if (t->text_dead < 4 * STORE_TEXT_BLOCK || t->text_dead < t->text_n / 2)
		return;
	old = ss_calloc(SS_NELEMS(t->text), sizeof(*old));
	memcpy(old, t->text, sizeof(t->text));
	memset(t->text, 0, sizeof(t->text));
	t->text_n = 0;
	t->text_dead = 0;
	move_texts(t, old);
	for (size_t i = 0; i < SS_NELEMS(t->text); i++)
		free(old[i]);
}

/* --- the lookup table ---------------------------------------------------------------------- */

static uint32_t slot_of(const struct tree *t, tree_id parent, struct ss_span text)
{
	return (uint32_t)tree_siphash(&t->key, parent, text) & (t->n_slots - 1);
}

static void slot_put(struct tree *t, tree_id id)
{
	uint32_t i = slot_of(t, store_name(t, id)->parent, store_span(t, id));

	while (t->slots[i] != 0)
		i = (i + 1) & (t->n_slots - 1);
	t->slots[i] = id;
}

static void slots_grow(struct tree *t)
{
	if (t->n_slots > 0 && t->n_live < t->n_slots / 3 * 2)
		return;
	free(t->slots);
	t->n_slots = t->n_slots == 0 ? MIN_SLOTS : t->n_slots * 2;
	t->slots = ss_calloc(t->n_slots, sizeof(*t->slots));
	for (tree_id id = 1; id < t->n_names; id++)
		if (store_name(t, id)->parent != TREE_NONE)
			slot_put(t, id);
}

tree_id tree_child(const struct tree *t, tree_id parent, struct ss_span text)
{
	for (uint32_t i = slot_of(t, parent, text); t->slots[i] != 0;
	     i = (i + 1) & (t->n_slots - 1)) {
		const struct tree_name *n = store_name(t, t->slots[i]);

		if (n->parent == parent && n->len == text.n &&
		    memcmp(store_text(t, n->text), text.p, text.n) == 0)
			return t->slots[i];
	}
	return TREE_NONE;
}

/* Takes one out and moves what was displaced by it nearer to its own place: no tombstones. */
static void slot_drop(struct tree *t, tree_id id)
{
	const uint32_t mask = t->n_slots - 1;
	uint32_t hole = slot_of(t, store_name(t, id)->parent, store_span(t, id));

	while (t->slots[hole] != id)
		hole = (hole + 1) & mask;
	for (uint32_t i = (hole + 1) & mask; t->slots[i] != 0; i = (i + 1) & mask) {
		const tree_id other = t->slots[i];
		const uint32_t home =
			slot_of(t, store_name(t, other)->parent, store_span(t, other));

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			t->slots[hole] = other;
			hole = i;
		}
	}
	t->slots[hole] = 0;
}

/* --- inodes -------------------------------------------------------------------------------- */

void tree_node_set(struct tree_node *n, const struct tree_inode *in)
{
	const int64_t most = ((int64_t)1 << 47) - 1;
	const int64_t time = in->mtime > most ? most : in->mtime < -most ? -most : in->mtime;

	n->mode = (uint16_t)((n->mode & ~NODE_MODE) | (in->mode & NODE_MODE));
	n->uid = in->uid;
	n->gid = in->gid;
	n->mtime = (uint32_t)(uint64_t)time;
	n->mtime_hi = (int16_t)(time >> 32);
}

/* What the type decides; text has been checked. */
static void node_fill(struct tree *t, struct tree_node *n, const struct tree_inode *in)
{
	switch (in->type) {
	case TREE_REG:
		assert(in->size == 0 || in->body.source < t->n_sources);
		assert(in->body.at >> 48 == 0);
		n->source = (uint16_t)in->body.source;
		n->at = (uint32_t)in->body.at;
		n->at_hi = (uint16_t)(in->body.at >> 32);
		n->size = in->size;
		return;
	case TREE_DIR:
		n->at = TREE_NONE;
		n->size = t->layer;
		return;
	case TREE_LNK:
		n->at = text_put(t, in->target);
		n->size = (uint32_t)in->target.n;
		return;
	case TREE_CHR:
	case TREE_BLK:
		n->at = in->rdev_major;
		n->size = in->rdev_minor;
		return;
	case TREE_FIFO:
		return;
	}
}

int tree_node_new(struct tree *t, const struct tree_inode *in, uint32_t *ret, struct ss_err *err)
{
	uint32_t no = t->free_node;
	struct tree_node *n;

	if (in->type == TREE_LNK && in->target.n > TREE_MAX_LINK)
		return ss_fail(err, SS_ELIMIT, "a link target of %zu bytes; the limit is %u",
			       in->target.n, TREE_MAX_LINK);
	if (in->type == TREE_LNK && check_text(t, in->target.n, err) < 0)
		return -1;
	if (no == TREE_NONE) {
		no = t->n_nodes; /* a new name has been counted, or is about to be: see name_room()
				  */
		if (no > TREE_MAX_NAMES)
			return ss_fail(err, SS_ELIMIT, "more than %u names", TREE_MAX_NAMES);
		if (t->nodes[no / STORE_BLOCK] == NULL)
			t->nodes[no / STORE_BLOCK] =
				ss_calloc(STORE_BLOCK, sizeof(struct tree_node));
		t->n_nodes++;
	} else {
		t->free_node = store_node(t, no)->at;
	}
	n = store_node(t, no);
	*n = (struct tree_node){ .mode = (uint16_t)((unsigned)in->type << NODE_TYPE_SHIFT) };
	tree_node_set(n, in);
	node_fill(t, n, in);
	*ret = no;
	return 0;
}

void tree_node_drop(struct tree *t, uint32_t no)
{
	struct tree_node *n = store_node(t, no);

	if (n->nlink > 0 && --n->nlink > 0)
		return;
	if (store_type(n) == TREE_LNK)
		t->text_dead += n->size;
	tree_xattrs_clear(t, no);
	*n = (struct tree_node){ .at = t->free_node };
	t->free_node = no;
}

/* --- names --------------------------------------------------------------------------------- */

static int name_room(struct tree *t, tree_id *ret, struct ss_err *err)
{
	tree_id id = t->free_name;

	if (id != TREE_NONE) {
		t->free_name = store_name(t, id)->next;
	} else {
		id = t->n_names;
		if (id > TREE_MAX_NAMES) /* the root has a number too */
			return ss_fail(err, SS_ELIMIT, "more than %u names", TREE_MAX_NAMES);
		if (t->names[id / STORE_BLOCK] == NULL)
			t->names[id / STORE_BLOCK] =
				ss_calloc(STORE_BLOCK, sizeof(struct tree_name));
		t->n_names++;
		store_name(t, id)->parent = TREE_NONE;
	}
	*ret = id;
	return 0;
}

int tree_name_new(struct tree *t, tree_id parent, struct ss_span text, uint32_t inode, tree_id *ret,
		  struct ss_err *err)
{
	struct tree_node *dir = store_node_of(t, parent);
	struct tree_name *n;
	tree_id id;

	if (check_text(t, text.n, err) < 0 || name_room(t, &id, err) < 0)
		return -1;
	t->n_live++;
	slots_grow(t);
	n = store_name(t, id);
	*n = (struct tree_name){ .parent = parent,
				 .next = dir->at,
				 .prev = TREE_NONE,
				 .text = text_put(t, text),
				 .inode = inode,
				 .layer = t->layer,
				 .len = (uint8_t)text.n };
	if (dir->at != TREE_NONE)
		store_name(t, dir->at)->prev = id;
	dir->at = id;
	slot_put(t, id);
	store_node(t, inode)->nlink++;
	t->sorted = false;
	*ret = id;
	return 0;
}

void tree_name_drop(struct tree *t, tree_id id)
{
	struct tree_name *n = store_name(t, id);
	const struct tree_node *node = store_node(t, n->inode);

	assert(id != TREE_ROOT);
	assert(store_type(node) != TREE_DIR || node->at == TREE_NONE);
	if (store_type(node) == TREE_DIR || (store_type(node) == TREE_LNK && t->dir_linked))
		t->dir = TREE_NONE;
	slot_drop(t, id);
	if (n->prev != TREE_NONE)
		store_name(t, n->prev)->next = n->next;
	else
		store_node_of(t, n->parent)->at = n->next;
	if (n->next != TREE_NONE)
		store_name(t, n->next)->prev = n->prev;
	t->text_dead += n->len;
	t->n_live--;
	tree_node_drop(t, n->inode);
	*n = (struct tree_name){ .parent = TREE_NONE, .next = t->free_name };
	t->free_name = id;
}

/* --- the whole ----------------------------------------------------------------------------- */

struct tree *tree_new(void)
{
	static const struct tree_inode root = { .type = TREE_DIR, .mode = 0755 };
	struct tree *t = ss_calloc(1, sizeof(*t));
	struct ss_err err = { 0 };
	tree_id id;
	uint32_t no;

	io_entropy((uint8_t *)&t->key, sizeof(t->key));
	t->free_name = t->free_node = t->dir = t->spool = TREE_NONE;
	if (tree_node_new(t, &root, &no, &err) < 0 || name_room(t, &id, &err) < 0)
		abort(); /* an empty tree is under every limit */
	*store_name(t, id) = (struct tree_name){
		.parent = TREE_NONE, .next = TREE_NONE, .prev = TREE_NONE, .inode = no
	};
	store_node(t, no)->nlink = 1;
	t->n_live = 1;
	slots_grow(t);
	return t;
}

void tree_free(struct tree *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->n_sources; i++)
		(void)close(t->sources[i]);
	for (size_t i = 0; i < t->n_attrs; i++)
		free(t->attrs[i].value);
	free(t->attrs);
	for (size_t i = 0; i < SS_NELEMS(t->names); i++) {
		free(t->names[i]);
		free(t->nodes[i]);
	}
	for (size_t i = 0; i < SS_NELEMS(t->text); i++)
		free(t->text[i]);
	free(t->slots);
	free(t);
}

size_t tree_memory(const struct tree *t)
{
	size_t n = sizeof(*t) + t->n_slots * sizeof(*t->slots) + t->cap_attrs * sizeof(*t->attrs);

	for (size_t i = 0; i < SS_NELEMS(t->names); i++)
		n += (t->names[i] != NULL ? STORE_BLOCK * sizeof(struct tree_name) : 0) +
		     (t->nodes[i] != NULL ? STORE_BLOCK * sizeof(struct tree_node) : 0);
	for (size_t i = 0; i < SS_NELEMS(t->text); i++)
		n += t->text[i] != NULL ? STORE_TEXT_BLOCK : 0;
	for (size_t i = 0; i < t->n_attrs; i++)
		n += t->attrs[i].n;
	return n;
}
