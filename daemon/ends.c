/* SPDX-License-Identifier: MIT */
#include "daemon/ends.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/net/conn.h"
#include "common/net/listener.h"
#include "daemon/doors/doors.h"
#include "daemon/settings.h"
#include "daemon/sinks/sinks.h"
#include "daemon/sources/sources.h"

/* One open door, source or sink, and the row that it was opened from. */
struct end {
	struct fr_row *row;
	void *open;          /* struct fr_door, fr_source or fr_sink; NULL: could not be opened */
	struct fr_row *kept; /* in a new list: the equal row whose options `open` has borrowed */
	bool stays;          /* in an old list: the new one has it too */
	bool fresh;          /* in a new list: opened for it */
};

struct end_list {
	struct end *items;
	size_t count;
};

struct fr_ends {
	struct fr_ends_env env;
	struct end_list doors, sources, sinks;
};

/* The three kinds of end, seen alike. */
struct end_class {
	const char *name;
	size_t list;
	int (*open)(
	    struct fr_ends *ends, const struct fr_row *row, void **ret, struct fr_cause *why);
	void (*close)(void *open);
};

static int open_door(
    struct fr_ends *ends, const struct fr_row *row, void **ret, struct fr_cause *why)
{
	struct fr_door *door;
	const int r = fr_door_find(row->kind)->open(&ends->env.door, row->options, &door, why);

	if (r < 0)
		return r;
	door->ops = fr_door_find(row->kind);
	door->is_secure =
	    fr_options_has(row->options, "tls") && fr_options_bool(row->options, "tls");
	*ret = door;
	return 0;
}

static int open_source(
    struct fr_ends *ends, const struct fr_row *row, void **ret, struct fr_cause *why)
{
	const struct fr_source_env env = {
	    .loop = ends->env.door.loop,
	    .relay = ends->env.door.relay,
	    .limits = ends->env.door.limits,
	    .ended = ends->env.ended,
	    .arg = ends->env.arg,
	};
	struct fr_source *source;
	const int r = fr_source_find(row->kind)->open(&env, row->options, &source, why);

	if (r < 0)
		return r;
	source->ops = fr_source_find(row->kind);
	*ret = source;
	return 0;
}

static int open_sink(
    struct fr_ends *ends, const struct fr_row *row, void **ret, struct fr_cause *why)
{
	const struct fr_sink_env env = {
	    .loop = ends->env.door.loop,
	    .relay = ends->env.door.relay,
	    .limits = ends->env.door.limits,
	    .ended = ends->env.ended,
	    .arg = ends->env.arg,
	};
	struct fr_sink *sink;
	const int r = fr_sink_find(row->kind)->open(&env, row->options, &sink, why);

	if (r < 0)
		return r;
	sink->ops = fr_sink_find(row->kind);
	*ret = sink;
	return 0;
}

static void close_door(void *open)
{
	((struct fr_door *)open)->ops->close(open);
}

static void close_source(void *open)
{
	((struct fr_source *)open)->ops->close(open);
}

static void close_sink(void *open)
{
	((struct fr_sink *)open)->ops->close(open);
}

static const struct end_class door_class = {
    "door", offsetof(struct fr_ends, doors), open_door, close_door};
static const struct end_class source_class = {
    "source", offsetof(struct fr_ends, sources), open_source, close_source};
static const struct end_class sink_class = {
    "sink", offsetof(struct fr_ends, sinks), open_sink, close_sink};

static struct end_list *list_of(struct fr_ends *ends, const struct end_class *class)
{
	return (struct end_list *)((char *)ends + class->list);
}

static void close_list(struct fr_ends *ends, const struct end_class *class)
{
	struct end_list *list = list_of(ends, class);

	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].open != NULL)
			class->close(list->items[i].open);
	free(list->items);
	*list = (struct end_list){0};
}

static bool takes(
    struct fr_door *door, const char *kind, bool is_secure, const struct fr_handover *handover)
{
	return door != NULL && strcmp(door->ops->kind, kind) == 0 && door->ops->adopt != NULL &&
	       door->is_secure == is_secure &&
	       (handover == NULL || door->ops->adopt(door, handover) == 0);
}

/*
 * A door gives a connection to another: doors stay strangers. What is encrypted goes to a door that speaks TLS, or to a
 * plain one where there is no other; what is plain goes to a plain one alone.
 */
static int hand_over(
    void *arg, const char *kind, bool is_secure, const struct fr_handover *handover)
{
	const struct fr_ends *ends = arg;

	for (unsigned turn = 0; turn < (is_secure ? 2 : 1); turn++)
		for (size_t i = 0; i < ends->doors.count; i++)
			if (takes(
			        ends->doors.items[i].open, kind, is_secure && turn == 0, handover))
				return 0;
	return -ENOENT;
}

static const char *option_of(const struct fr_row *row, const char *name)
{
	for (const struct fr_option_spec *spec = fr_options_specs(row->options); spec->name != NULL;
	     spec++)
		if (strcmp(spec->name, name) == 0)
			return fr_options_text(row->options, name);
	return NULL;
}

void fr_ends_list(struct fr_ends *ends,
    void (*each)(void *each_arg, const struct fr_end_info *info), void *each_arg)
{
	static const struct end_class *const classes[] = {&door_class, &source_class, &sink_class};
	static const char *const sorts[] = {"doors", "sources", "sinks"};

	for (size_t c = 0; c < sizeof(classes) / sizeof(classes[0]); c++) {
		const struct end_list *list = list_of(ends, classes[c]);

		for (size_t i = 0; i < list->count; i++) {
			const struct fr_row *row = list->items[i].row;
			const struct fr_end_info info = {.sort = sorts[c],
			    .kind = row->kind,
			    .where = row->where,
			    .listen = option_of(row, "listen"),
			    .stream = option_of(row, "stream"),
			    .is_open = list->items[i].open != NULL};

			each(each_arg, &info);
		}
	}
}

static void list_ends(
    void *arg, void (*each)(void *each_arg, const struct fr_end_info *info), void *each_arg)
{
	fr_ends_list(arg, each, each_arg);
}

static void announce(void *arg, struct fr_text *lines)
{
	fr_ends_announce(arg, lines);
}

struct fr_ends *fr_ends_new(const struct fr_ends_env *env)
{
	struct fr_ends *ends = fr_xcalloc(1, sizeof(*ends));

	ends->env = *env;
	ends->env.door.hand_over = hand_over;
	ends->env.door.hand_over_arg = ends;
	ends->env.door.list_ends = list_ends;
	ends->env.door.list_ends_arg = ends;
	ends->env.door.announce = announce;
	return ends;
}

void fr_ends_free(struct fr_ends *ends)
{
	if (ends == NULL)
		return;
	close_list(ends, &door_class);
	close_list(ends, &source_class);
	close_list(ends, &sink_class);
	free(ends);
}

static struct end_list list_for(const struct fr_rows *rows)
{
	struct end_list list = {fr_xcalloc(rows->count, sizeof(*list.items)), rows->count};

	for (size_t i = 0; i < rows->count; i++)
		list.items[i].row = &rows->items[i];
	return list;
}

/* What is open and has the same row stays open. */
static void keep_equal(struct end_list *old, struct end_list *new)
{
	assert(old->items != NULL || old->count == 0);
	for (size_t i = 0; i < new->count; i++)
		for (size_t j = 0; j < old->count && new->items[i].open == NULL; j++)
			/* NOLINTNEXTLINE: no items, no count */
			if (old->items[j].open != NULL && !old->items[j].stays &&
			    fr_row_equal(old->items[j].row, new->items[i].row)) {
				new->items[i].open = old->items[j].open;
				new->items[i].kept = old->items[j].row;
				old->items[j].stays = true;
			}
}

/*
 * What stays open has borrowed its options, and the row they are in goes with the old settings: the two equal rows
 * exchange them.
 */
static void keep_options(struct end_list *new)
{
	for (size_t i = 0; i < new->count; i++) {
		struct end *end = &new->items[i];
		struct fr_options *borrowed;

		if (end->kept == NULL)
			continue;
		borrowed = end->kept->options;
		end->kept->options = end->row->options;
		end->row->options = borrowed;
		end->kept = NULL;
	}
}

/* The new list takes the place of the old one; what is not in it is closed. */
static void replace_list(struct fr_ends *ends, const struct end_class *class, struct end_list new)
{
	struct end_list *old = list_of(ends, class);

	for (size_t i = 0; i < old->count; i++)
		if (old->items[i].stays)
			old->items[i].open = NULL;
	keep_options(&new);
	close_list(ends, class);
	*old = new;
}

/* The new list was not to be: all is as before. */
static void give_up(struct end_list *old, struct end_list *new)
{
	assert(old->items != NULL || old->count == 0);
	for (size_t i = 0; i < new->count; i++)
		if (new->items[i].fresh)
			close_door(new->items[i].open);
	for (size_t i = 0; i < old->count; i++)
		old->items[i].stays = false;
	free(new->items);
}

/* A door that has to give way before this one can be opened: [::]:8000 takes the port of 127.0.0.1:8000 too. */
static struct end *holder_of(struct end_list *old, const struct fr_row *row)
{
	for (size_t i = 0; i < old->count; i++)
		if (old->items[i].open != NULL && !old->items[i].stays &&
		    fr_rows_collide(old->items[i].row, row))
			return &old->items[i];
	return NULL;
}

static int open_one(
    struct fr_ends *ends, const struct end_class *class, struct end *end, struct fr_cause *why)
{
	const int r = class->open(ends, end->row, &end->open, why);

	if (r < 0)
		fr_cause_prefix(
		    why, r, "%s: %s %s: ", end->row->where, class->name, end->row->kind);
	return r;
}

/* A door that gave way for nothing comes back, as it was; the next reload tries the change again. */
static void open_again(struct fr_ends *ends, struct end *end, const struct end *gave_way)
{
	struct end back = {.row = gave_way != NULL ? gave_way->row : NULL};
	struct fr_cause why;

	if (back.row == NULL || strcmp(back.row->kind, end->row->kind) != 0 ||
	    open_one(ends, &door_class, &back, &why) < 0)
		return;
	end->open = back.open;
	end->kept = back.row;
}

/* A door that gives way must be able to come back: who was root once has no right to its port any more. */
static int check_ways(struct end_list *old, const struct end_list *new, struct fr_cause *why)
{
	for (size_t i = 0; i < new->count; i++) {
		const struct fr_row *row = new->items[i].row;
		struct fr_addr addr;

		if (new->items[i].open == NULL &&
		    holder_of(old, row) !=
		        NULL &&fr_addr_parse(option_of(row, "listen"), &addr, NULL) == 0 &&
		    !fr_listener_may(&addr))
			return fr_cause_set(why, EACCES,
			    "%s: door %s: listen = \"%s\": the door cannot be opened anew: the "
			    "right "
			    "to listen there was given up after the start; restart the program, or "
			    "leave this row as it is",
			    row->where, row->kind, option_of(row, "listen"));
	}
	return 0;
}

static int apply_doors(struct fr_ends *ends, struct end_list *new, struct fr_cause *why)
{
	struct end_list *old = &ends->doors;
	struct fr_log_text room;
	struct end *holder;
	int r = check_ways(old, new, why);

	/* First those whose address is free: if one fails, the others go again and all is as before. */
	for (size_t i = 0; i < new->count &&r == 0; i++)
		if (new->items[i].open == NULL && holder_of(old, new->items[i].row) == NULL) {
			r = open_one(ends, &door_class, &new->items[i], why);
			new->items[i].fresh = r == 0;
		}
	if (r < 0)
		return r;
	for (size_t i = 0; i < new->count; i++) {
		const struct end *gave_way = NULL;

		if (new->items[i].open != NULL)
			continue;
		while ((holder = holder_of(old, new->items[i].row)) != NULL) {
			close_door(holder->open);
			holder->open = NULL;
			gave_way = holder;
		}
		if (open_one(ends, &door_class, &new->items[i], why) == 0)
			continue;
		fr_log(
		    FR_LOG_ERROR, "relay", "not opened", "why=%s", fr_log_quote(&room, why->text));
		open_again(ends, &new->items[i], gave_way);
	}
	return 0;
}

/* Sources and sinks change places one after the other: a stream has one publisher. */
static int apply_list(struct fr_ends *ends, const struct end_class *class,
    const struct fr_rows *rows, bool is_start, struct fr_cause *why)
{
	struct end_list new = list_for(rows);
	struct fr_log_text room;
	int r;

	keep_equal(list_of(ends, class), &new);
	replace_list(ends, class, new);
	for (size_t i = 0; i < new.count; i++) {
		if (new.items[i].open != NULL)
			continue;
		r = open_one(ends, class, &new.items[i], why);
		if (r < 0 && is_start)
			return r;
		if (r < 0)
			fr_log(FR_LOG_ERROR, "relay", "not opened", "why=%s",
			    fr_log_quote(&room, why->text));
	}
	return 0;
}

int fr_ends_apply(struct fr_ends *ends, struct fr_settings *settings, struct fr_cause *why)
{
	const bool is_start = ends->doors.items == NULL && ends->sources.items == NULL;
	struct end_list doors = list_for(&settings->doors);
	int r;

	keep_equal(&ends->doors, &doors);
	r = apply_doors(ends, &doors, why);
	if (r < 0) {
		give_up(&ends->doors, &doors);
		return r;
	}
	replace_list(ends, &door_class, doors);
	if (is_start && ends->env.listening != NULL) {
		r = ends->env.listening(ends->env.arg, why);
		if (r < 0)
			return r;
	}
	r = apply_list(ends, &source_class, &settings->sources, is_start, why);
	if (r == 0)
		r = apply_list(ends, &sink_class, &settings->sinks, is_start, why);
	return r;
}

void fr_ends_drain(struct fr_ends *ends)
{
	for (size_t i = 0; i < ends->doors.count; i++)
		if (ends->doors.items[i].open != NULL)
			((struct fr_door *)ends->doors.items[i].open)
			    ->ops->drain(ends->doors.items[i].open);
	for (size_t i = 0; i < ends->sinks.count; i++)
		if (ends->sinks.items[i].open != NULL)
			((struct fr_sink *)ends->sinks.items[i].open)
			    ->ops->drain(ends->sinks.items[i].open);
	/* Nothing new is made for those who still take their last picture. */
	close_list(ends, &source_class);
}

bool fr_ends_busy(const struct fr_ends *ends)
{
	/* Connections that say their last words belong to nobody any more. */
	if (fr_conn_undelivered(ends->env.door.loop) != 0)
		return true;
	for (size_t i = 0; i < ends->doors.count; i++) {
		const struct fr_door *door = ends->doors.items[i].open;

		if (door != NULL && door->ops->busy(door) != 0)
			return true;
	}
	for (size_t i = 0; i < ends->sinks.count; i++) {
		const struct fr_sink *sink = ends->sinks.items[i].open;

		if (sink != NULL && sink->ops->busy(sink))
			return true;
	}
	return false;
}

void fr_ends_announce(const struct fr_ends *ends, struct fr_text *lines)
{
	for (size_t i = 0; i < ends->doors.count; i++) {
		const struct fr_door *door = ends->doors.items[i].open;

		if (door != NULL && door->ops->announce != NULL)
			door->ops->announce(door, lines);
	}
}
