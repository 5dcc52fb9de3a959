/* SPDX-License-Identifier: MIT */
/*
 * The ideal server: what is left of a relay when everything but the system calls that it cannot do
 * without is taken away. It is the physical limit that the relay is compared with.
 */
#pragma once

/** Listens on 127.0.0.1, any port, and serves until it is killed. @return exit status, when it cannot */
int fr_bench_ideal_main(void);
