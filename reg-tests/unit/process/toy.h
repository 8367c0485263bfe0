// SPDX-License-Identifier: Apache-2.0
// A toy program for the tests of the processes: its configuration is a few words, its traffic answers each connection
// with the worker's slot, pid and generation, after a wait where the client asks for one ("hold"); it loops for ever
// ("loop"), fails a check ("must"), crashes ("crash"), breaks the rules ("evil WHAT", evil.h) or opens a file ("file")
// where that is asked for; its admin socket reloads.
//
//   workers N | port N | unix PATH | admin PATH | bad TEXT | crash SLOT | hard-stop MS | daemon | pidfile PATH
//   watchdog WARN_MS KILL_MS | alone | evil-controller WHAT | evil-keeper WHAT | evil-keeper-now WHAT | sandbox
#pragma once

#include "process/program.h"

extern const struct process_program toy_program;
