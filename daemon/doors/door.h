/* SPDX-License-Identifier: MIT */
/*
 * The contract of a door: a protocol through which others connect to us, as publishers or subscribers.
 *
 * A door is one file (or folder) and one row in doors.def. It finds out who somebody is and what they
 * want; the relay decides whether they may and what they get. A door knows no other door.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/net/admission.h"

struct fr_cause;
struct fr_conn;
struct fr_handover;
struct fr_limits;
struct fr_logins;
struct fr_loop;
struct fr_option_spec;
struct fr_options;
struct fr_relay;
struct fr_text;
struct fr_tls;

/** The option of every door that takes connections. */
#define FR_DOOR_OPTION_TLS                                                                         \
	{                                                                                          \
		.name = "tls", .type = FR_OPTION_BOOL, .def = "false",                             \
		.help =                                                                            \
		    "whether it speaks TLS, and TLS alone, with the certificate of the section "   \
		    "tls"                                                                          \
	}

/** A row of the configuration as /status shows it. A plain value; pointers are borrowed for the call. */
struct fr_end_info {
	const char *sort; /* "doors", "sources", "sinks" */
	const char *kind, *where;
	const char *listen, *stream; /* NULL: it has none */
	bool is_open;
};

/** What every door is opened with; all of it outlives the door. */
struct fr_door_env {
	struct fr_loop *loop;
	struct fr_relay *relay;
	struct fr_admission *admission; /* connections in all and per address */
	struct fr_logins *logins;       /* wrong ones are counted; NULL: they are not */
	const struct fr_limits *limits; /* the ones in force; the values may change by a reload */
	const struct fr_tls *
	    tls; /* the certificate in force, which a reload may change; new connections begin with it */

	/**
	 * Gives a connection to the open door of this kind, for the protocols that share a port. NULL: there is no
	 * other door.
	 *
	 * @param is_secure  the connection is TLS's; a plain one never goes to a door that speaks TLS alone
	 * @param handover   NULL: only asks whether there is such a door
	 * @retval 0         taken, with the connection and its place
	 * @retval -ENOENT   no such door is open, or it takes none; all is as it was
	 */
	int (*hand_over)(
	    void *arg, const char *kind, bool is_secure, const struct fr_handover *handover);
	void *hand_over_arg;

	/** Calls `each` for every door, source and sink of the configuration. NULL: nobody knows them. */
	void (*list_ends)(void *arg, void (*each)(void *each_arg, const struct fr_end_info *info),
	    void *each_arg);
	void *list_ends_arg;

	/** Adds what all open doors announce (below), for who tells people where to go. NULL: nothing to add. @param arg  hand_over_arg */
	void (*announce)(void *arg, struct fr_text *lines);
};

/** A connection that changes its door. A plain value. */
struct fr_handover {
	struct fr_conn *conn;    /* idle; its new owner's: fr_conn_set_owner() */
	struct fr_ticket ticket; /* its place, which goes along */
	const uint8_t *bytes;    /* what the peer has sent so far, copied */
	size_t size;
};

/** What a door has in common with the others; the first member of each door's own struct. */
struct fr_door {
	const struct fr_door_ops *ops;
	bool is_secure; /* its option tls */
};

struct fr_door_ops {
	const char *kind;    /* as in the configuration: "frames", "udp-messages" */
	const char *summary; /* a sentence for --help */
	const struct fr_option_spec *options;

	/**
	 * Opens the door: from here on peers can connect.
	 *
	 * @param options  borrowed until close
	 * @retval -errno  nothing is left open; `why` says what the operator can do
	 */
	int (*open)(const struct fr_door_env *env, const struct fr_options *options,
	    struct fr_door **ret, struct fr_cause *why);

	/** Stops accepting and tells every peer; pictures under way go on. */
	void (*drain)(struct fr_door *door);

	/** @return connections that still have something under way after drain() */
	size_t (*busy)(const struct fr_door *door);

	/** Closes every connection at once and frees the door. */
	void (*close)(struct fr_door *door);

	/** Adds one line for each address that another machine can use, for the start of the log. May be NULL. */
	void (*announce)(const struct fr_door *door, struct fr_text *lines);

	/**
	 * Takes a connection over from another door (HTTP on the frames port). May be NULL.
	 *
	 * @retval -errno  not taken: the connection and its place stay the giver's
	 */
	int (*adopt)(struct fr_door *door, const struct fr_handover *handover);
};
