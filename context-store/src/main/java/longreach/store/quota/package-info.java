/** Token buckets: how an allowance becomes one, wherever its state is kept. */
package longreach.store.quota;
