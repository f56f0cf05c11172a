/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof(*values), compare);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

void report_head(const char *title)
{
    printf("\n%-44s %10s %10s %10s %8s\n", title, "ns/event", "min", "max", "ns/byte");
}

void report(const char *what, double *ns_per_event, int n, double floor_ns, double bytes)
{
    double middle = median(ns_per_event, n);
    printf("%-44s %10.0f %10.0f %10.0f %8.3f", what, middle, ns_per_event[0], ns_per_event[n - 1],
           middle / bytes);
    if (floor_ns > 0) {
        printf("   %.2f x", middle / floor_ns);
    }
    putchar('\n');
    fflush(stdout);
}
