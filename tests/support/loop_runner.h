/* SPDX-License-Identifier: MIT */
/*
 * A real loop for tests, turned until something is so: no test sleeps, and none hangs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_loop;

/** @return a loop; fails the test when there is none */
struct fr_loop *fr_test_loop(void);

typedef bool (*fr_test_is_fn)(void *arg);

/** Turns the loop until `is` holds; fails the test, by the name of what was waited for, when 20 s pass. */
#define fr_test_until(loop, is, arg) fr_test_run_until(loop, is, arg, #is, __FILE__, __LINE__)
void fr_test_run_until(struct fr_loop *loop, fr_test_is_fn is, void *arg, const char *name,
    const char *file, int line);

/** Turns the loop `turns` times without waiting, to see that nothing more happens. */
void fr_test_turn(struct fr_loop *loop, unsigned turns);

/** A connected, non-blocking pair over TCP on 127.0.0.1: [0] accepted, [1] connecting. */
void fr_test_tcp_pair(int fds[2]);

/** Puts `size` bytes that are all different from their neighbours, the same for the same `seed`. */
void fr_test_fill(uint8_t *to, size_t size, unsigned seed);

/** @return descriptors that the process has open */
unsigned fr_test_descriptors(void);
