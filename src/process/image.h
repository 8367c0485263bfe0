// SPDX-License-Identifier: Apache-2.0
// The program's file: where it is, whether what is there now differs from what runs, and how to execute it in this
// process's place with the command line and environment it was started with. Made first thing in main, before anything
// is written over them; used by the master.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"

// What tells a file from another one at the same path.
struct image_file {
    uint64_t device;
    uint64_t inode;
    uint64_t len;
    int64_t changed_s;
    int64_t changed_ns;
};

enum image_order {
    IMAGE_START, // by a user or a service manager
    IMAGE_CHECK, // executed by a master that wants to know whether this image could go on in its place
    IMAGE_GO_ON, // executed by a master in its own place
    IMAGE_BACK,  // executed again, as the image that was to go on in its place could not
};

struct image {
    char *path; // NULL where it cannot be found
    struct image_file file;
    char **argv;
    char **environment; // without the order
    enum image_order order;
    int state_fd; // the master's state, of an order
    int other_fd; // where to write the answer to IMAGE_CHECK; for IMAGE_GO_ON the image before; -1
};

// image_init remembers how the program was started, and takes its order out of the environment.
void image_init(struct image *image, char *const *argv);

// image_fini frees it; descriptors stay open.
void image_fini(struct image *image);

// image_file_look gives what is at the path now; false with errno where nothing is.
bool image_file_look(const struct image *image, struct image_file *file);

// image_file_same says whether both are the same.
bool image_file_same(const struct image_file *a, const struct image_file *b);

// image_goes_on says whether it was executed in the place of another, or of itself.
static inline bool image_goes_on(const struct image *image)
{
    return image->order == IMAGE_GO_ON || image->order == IMAGE_BACK;
}

// image_execute executes the file at the path with `order`, in place of this process. Descriptors that are to survive
// are those without close-on-exec. `answer_fd` is for IMAGE_CHECK, whose command line gets a -c: a program that knows
// no orders does then only that. IMAGE_BACK executes the image before, with the state it left. It returns, with errno,
// where it cannot.
void image_execute(const struct image *image, enum image_order order, int state_fd, int answer_fd);
